"""Making a student under a teacher."""
