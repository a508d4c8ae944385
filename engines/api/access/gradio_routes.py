"""Gradio's routes in the access policy: the few that the page needs. What its users do goes through the page's own API."""

from __future__ import annotations

from engines.api.access.policy import READ, Rule, Who, closed

_OPEN = (
    Rule("/", READ, Who.ANYBODY),
    Rule("/favicon.ico", READ, Who.ANYBODY),
    Rule("/robots.txt", READ, Who.ANYBODY),
    Rule("/manifest.json"),
    Rule("/pwa_icon"),
    Rule("/pwa_icon/{size}"),
    Rule("/theme.css"),
    Rule("/config"),  # asked for by the page of a share link
    Rule("/assets/{path:path}"),
    Rule("/static/{path:path}"),
    Rule("/gradio_api/startup-events"),  # asked for by Gradio itself when it starts
)
_AT_ROOT = """
    openapi.json login logout svelte/{path:path} gradio_api/deep_link monitoring monitoring/summary monitoring/{key}
""".split()
_BELOW_API = """
    user login_check token app_id dev/reload runs info openapi.json custom_component/{id}/{environment}/{type}/{file_name}
    proxy={url_path:path} file={path_or_url:path} stream/{event_id} stream/{event_id}/close
    stream/{session_hash}/{run}/{component_id}/playlist.m3u8 stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}
    stream/{session_hash}/{run}/{component_id}/playlist-file file/{path:path} reset heartbeat/{session_hash} run/{api_name}
    api/{api_name} call/v2/{api_name} call/{api_name} queue/join cancel call/v2/{api_name}/{event_id} call/{api_name}/{event_id}
    queue/data component_server queue/status upload_progress upload theme.css process_recording vibe-edit undo-vibe-edit
    vibe-code vibe-starter-queries
""".split()

RULES = (*_OPEN, *closed(*(f"/{path}" for path in _AT_ROOT), *(f"/gradio_api/{path}" for path in _BELOW_API)))
