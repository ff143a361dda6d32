"""The endpoint of `warmroute serve`: it speaks BuildKit's API with clients, and routes what they ask for."""
