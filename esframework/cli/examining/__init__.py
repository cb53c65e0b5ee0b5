"""The checks of `esframework doctor`, by what they look at; each gives findings and changes nothing."""
