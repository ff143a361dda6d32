"""What the test servers decide, without starting them."""
