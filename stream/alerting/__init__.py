"""Alerts: from window reports, by rules, to events and notifications, exactly once by id."""
