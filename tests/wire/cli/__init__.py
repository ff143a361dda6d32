"""The installed commands against peers on loopback that do what no real daemon can be made to do."""
