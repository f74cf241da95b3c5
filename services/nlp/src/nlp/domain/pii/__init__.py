"""Personal information in a contact: found, then masked place by place."""
