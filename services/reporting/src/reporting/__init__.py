"""Folds events into rollups and answers with KPIs."""
