"""The state in Redis: its bytes, its keys and the scripts that change it."""
