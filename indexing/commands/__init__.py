"""`recommend index ...`: what the commands take, call and print."""
