"""The service's configuration: every option with its rule, read from a TOML file and from flags.

Knows what each option may be, and nothing of what the service does with it.
"""

from esframework.config.exposure import (
    Exposure,
    Protection,
    Reach,
    check_exposure,
    exposure_of,
    exposure_warnings,
)
from esframework.config.loading import load_config, oddities
from esframework.config.problems import ConfigError
from esframework.config.secrets import p2p_secrets
from esframework.config.service import (
    OFF,
    AccountsConfig,
    DiagnosticsConfig,
    GroupsConfig,
    HandlersConfig,
    LimitsConfig,
    LogConfig,
    OfflineConfig,
    P2PConfig,
    ServiceConfig,
    SessionConfig,
)

__all__ = [
    "OFF",
    "AccountsConfig",
    "ConfigError",
    "DiagnosticsConfig",
    "Exposure",
    "GroupsConfig",
    "HandlersConfig",
    "LimitsConfig",
    "LogConfig",
    "OfflineConfig",
    "P2PConfig",
    "Protection",
    "Reach",
    "ServiceConfig",
    "SessionConfig",
    "check_exposure",
    "exposure_of",
    "exposure_warnings",
    "load_config",
    "oddities",
    "p2p_secrets",
]
