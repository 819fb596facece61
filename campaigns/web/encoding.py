"""Writing JSON: readable text, keys in the order they are told."""

from datetime import datetime
from typing import Any

from flask.json.provider import DefaultJSONProvider

from campaigns.reporting import instant


class Json(DefaultJSONProvider):
    """JSON as UTF-8. A client may name a field with half a surrogate pair and is told so: as an escape."""

    sort_keys = False
    ensure_ascii = False

    @staticmethod
    def default(o: Any) -> Any:
        """Instants as the API has them; ids and the like as Flask does."""
        return instant(o) if isinstance(o, datetime) else DefaultJSONProvider.default(o)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """One JSON text that can be encoded, whatever is quoted in it."""
        return super().dumps(obj, **kwargs).encode("utf-8", "backslashreplace").decode()
