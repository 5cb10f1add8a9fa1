"""A model server as users have it on their own machine: Ollama's list, its window, and its compatible endpoint."""

from __future__ import annotations

from tests.models.provider import HELLO, Asked, Provider, Reply, plain


class LocalServer(Provider):
    """Knows models by name with the text of their parameters; all were made for windows of `most` tokens."""

    def __init__(self, *models: str, owner: str = "library", most: object = 131_072) -> None:
        super().__init__(Reply(HELLO))
        self.models, self._owner, self._most = dict.fromkeys(models, ""), owner, most

    @property
    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [asked.line.split(" ")[1] for asked in self.asked]

    def reply_to(self, asked: Asked) -> Reply:
        match asked.line.split(" ")[1]:
            case "/v1/models":
                return plain(
                    {"object": "list", "data": [{"id": name, "owned_by": self._owner} for name in self.models]}
                )
            case "/api/show":
                return self._show(asked.body["model"])
            case "/api/create":
                self.models[asked.body["model"]] = f"num_ctx    {asked.body['parameters']['num_ctx']}"
                return plain({"status": "success"})
            case _:
                return super().reply_to(asked)

    def _show(self, name: str) -> Reply:
        if name not in self.models:
            return plain({"error": f"model '{name}' not found"}, 404)
        info = {"general.architecture": "qwen3", "qwen3.context_length": self._most}
        return plain({"parameters": f'stop "x"\n{self.models[name]}', "model_info": info})
