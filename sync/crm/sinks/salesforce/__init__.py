"""Salesforce: contacts by an external id."""
