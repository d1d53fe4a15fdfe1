"""The catalog: its tables, its migrations, how its SQLite file is opened, and questions to it."""
