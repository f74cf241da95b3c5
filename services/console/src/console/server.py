"""One application from the routes and the pages."""

from pathlib import Path

from fastapi import FastAPI
from nicegui import ui
from starlette.staticfiles import StaticFiles

from console.adapters.asgi_guard import Guard
from console.adapters.entrance import Entrance
from console.adapters.fastapi_routes import add_routes
from console.pages import register

STATIC = Path(__file__).parent / "static"


def application(entrance: Entrance) -> FastAPI:
    """Routes first, pages under them. The page framework keeps one set of pages per process, so this is called once in it."""
    app = FastAPI(title="Mingjian console", docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, entrance)
    app.mount("/assets", StaticFiles(directory=STATIC), name="assets")
    register(entrance)
    ui.run_with(app, title="明鉴", favicon=STATIC / "mark.svg", language="zh-CN", tailwind=False, reconnect_timeout=20.0, show_welcome_message=False)
    app.add_middleware(Guard, max_upload_bytes=entrance.settings.max_upload_bytes)
    return app
