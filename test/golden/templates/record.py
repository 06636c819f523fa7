"""Records what transformers' Jinja makes of the templates here: expected.json.

    pip install transformers jinja2 && python record.py

A conversation is in Hugging Face's form, as `apply_chat_template` takes it.
"""

import json
import pathlib

import transformers
from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": 'Weather of a "city", today',
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Its näme"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments):
    return {"type": "function", "id": "call_1", "function": {"name": name, "arguments": arguments}}


SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "Weather in Köln?"}
TURNS = [SYSTEM, QUESTION, {"role": "assistant", "content": " Rain. "}, {"role": "user", "content": "5 < 6?\n"}]
THINKING = [
    QUESTION,
    {"role": "assistant", "content": "<think>\nI know it.\n</think>\n\nRain."},
    {"role": "user", "content": "Sure?"},
    {"role": "assistant", "content": "<think>\nAgain.\n</think>\n\nYes."},
]


def calling(arguments):
    return [
        SYSTEM,
        QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [call("get_weather", arguments)]},
        {"role": "tool", "content": '{"sky": "grey"}', "tool_call_id": "call_1"},
    ]


OBJECT = {"city": "Köln", "days": 2, "more": [1.5, None, True]}
CASES = [
    ("chatml-tools", "turns", TURNS, None, {}),
    ("chatml-tools", "a question", [QUESTION], None, {}),
    ("chatml-tools", "no thinking", [QUESTION], None, {"enable_thinking": False}),
    ("chatml-tools", "thoughts of earlier turns are left out", THINKING, None, {}),
    ("chatml-tools", "tools", [QUESTION], [WEATHER, CLOCK], {}),
    ("chatml-tools", "a call as text", calling(json.dumps(OBJECT, ensure_ascii=False)), [WEATHER, CLOCK], {}),
    ("chatml-tools", "a call as an object", calling(OBJECT), [WEATHER], {}),
    ("llama3-tools", "turns", TURNS, None, {}),
    ("llama3-tools", "a question", [QUESTION], None, {}),
    ("llama3-tools", "tools", [SYSTEM, QUESTION], [WEATHER, CLOCK], {}),
    ("llama3-tools", "a call", calling(OBJECT), [WEATHER], {}),
]

recorded = []
for template, name, messages, tools, variables in CASES:
    rendered, _ = render_jinja_template(
        conversations=[messages],
        tools=tools,
        chat_template=(HERE / f"{template}.jinja").read_text(),
        add_generation_prompt=True,
        bos_token="<|begin_of_text|>",
        **variables,
    )
    recorded.append(
        {"template": template, "name": name, "messages": messages, "tools": tools, "variables": variables, "text": rendered[0]}
    )

out = {"made": f"transformers {transformers.__version__}", "cases": recorded}
(HERE / "expected.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
print(len(recorded))
