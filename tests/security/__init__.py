"""What is promised about keys, origins, limits and TLS, on real sockets."""
