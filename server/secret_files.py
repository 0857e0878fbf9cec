"""Secrets from files, as orchestrators mount them."""

import os
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

SECRETS = ("api_key", "api_keys", "token_secret", "turn_secret", "turn_credential")
MAX_SECRET_BYTES = 100_000


class SecretFiles(PydanticBaseSettingsSource):
    """LIKENESS_<NAME>_FILE names the file that holds LIKENESS_<NAME>.

    Raises:
        ValueError: both are set, or the file is empty or cannot be read.
    """

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        name = f"LIKENESS_{field_name.upper()}"
        path = os.environ.get(f"{name}_FILE")
        if path is None:
            return None, field_name, False
        if name in os.environ:
            raise ValueError(f"set {name} or {name}_FILE, not both")
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(MAX_SECRET_BYTES).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ValueError(f"{name}_FILE cannot be read: {reason}") from None
        if not text:
            raise ValueError(f"the file of {name}_FILE is empty")
        return text, field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in SECRETS:
            field = self.settings_cls.model_fields[name]
            value, _, is_complex = self.get_field_value(field, name)
            if value is not None:
                found[name] = self.prepare_field_value(name, field, value, is_complex)
        return found
