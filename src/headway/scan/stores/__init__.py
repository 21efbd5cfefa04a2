"""Object stores: which addresses name one, what lies there, and its bytes in ranges."""
