"""Music under a clip: where it lies, how loud it is, and what is made of it."""
