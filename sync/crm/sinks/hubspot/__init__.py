"""HubSpot: contacts under a key of our own."""
