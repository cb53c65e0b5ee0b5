"""Groups that users make and join: dynamic ones in memory, stored ones that outlive sessions (manual: dynamic-group
demo)."""
