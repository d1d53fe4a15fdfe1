"""The local web app: a clip on top, ranked tracks below; the same calls as the command line."""
