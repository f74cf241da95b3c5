"""The page that asks for an API key: a plain form, so that the key goes by POST and nowhere else."""

from html import escape

_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>登录 · 明鉴</title><link rel="icon" href="/assets/mark.svg"><link rel="stylesheet" href="/assets/console.css"></head>
<body class="mj-door"><main>
<section class="mj-door-words"><img src="/assets/mark.svg" alt="" width="52" height="52"><h1>明鉴</h1><p>全量会话质检与服务闭环平台</p>
<ul><li>每通会话自动转写、评分，每一分都有依据</li><li>风险当场预警，工单跟到解决为止</li><li>指标、排名与趋势，一页看清</li></ul></section>
<form method="post" action="/sign-in" class="mj-door-form"><h2>登录控制台</h2><p>请输入管理员发放的 API 密钥</p>
<input type="hidden" name="next" value="{target}">
<label for="api_key">API 密钥</label>
<input id="api_key" name="api_key" type="password" autocomplete="current-password" required autofocus maxlength="512" placeholder="mj_…">
{problem}<button type="submit">登录</button>
<p class="mj-door-note">密钥只保存在服务器端会话中，不会出现在地址栏或浏览器里。没有密钥？请联系本企业的明鉴管理员。</p></form>
</main></body></html>"""


def sign_in_page(target: str, problem: str = "") -> str:
    """The form; `problem` says why the last try failed."""
    said = f'<p class="mj-door-problem" role="alert">{escape(problem)}</p>' if problem else ""
    return _PAGE.format(target=escape(target, quote=True), problem=said)
