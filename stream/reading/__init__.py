"""A window's counts, read from Redis and judged on demand; nothing is written."""
