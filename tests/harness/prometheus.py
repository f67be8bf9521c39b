"""A real Prometheus."""
import json
import urllib.parse
import urllib.request

from harness.process import Process, free_port


class Prometheus(Process):
    """Scrapes `target` each second, where one is given, into <folder>/tsdb."""

    def __init__(self, folder, target: str | None = None):
        super().__init__("prometheus", folder)
        self.port = free_port()
        self.config = folder / "prometheus.yml"
        self.config.write_text("global: {scrape_interval: 1s, scrape_timeout: 1s}\n" + (
            f"scrape_configs: [{{job_name: flopwatt, static_configs: [{{targets: ['{target}']}}]}}]\n" if target else ""))

    def start(self) -> "Prometheus":
        self.spawn(["prometheus", f"--config.file={self.config}", f"--web.listen-address=127.0.0.1:{self.port}",
                    f"--storage.tsdb.path={self.folder / 'tsdb'}"])
        return self

    def get(self, path: str, **parameters):
        """The data of an API answer; an empty list while Prometheus does not answer."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return []

    def query(self, expression: str, **parameters) -> list[dict]:
        data = self.get("query", query=expression, **parameters)
        return data["result"] if data else []
