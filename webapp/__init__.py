"""The local web app: a clip on top, ranked tracks below, heard, picked and taken home; it does what the command does.

The server (`app`, `server`, `api`) stays light: it keeps state, checks requests and streams files. All else runs in
worker processes (`jobs`, `worker`, `tasks`).
"""
