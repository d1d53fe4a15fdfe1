"""The built-in model's second stage: `recommend train afclnet`."""
