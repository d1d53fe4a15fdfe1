"""The affect model that comes with the package: `recommend train affect`."""
