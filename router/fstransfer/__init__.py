"""The file transfer protocol of BuildKit (fsutil), in both directions."""
