"""Where data comes from that a build asks for: secrets, registry credentials."""
