"""HTTP: health, metrics, and later the pages and the API."""
