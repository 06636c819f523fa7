import json

from scenarios import BASE_URL, MODEL, PROMPT, fails_with, run

import litellm
from pydantic import BaseModel

litellm.telemetry = False
litellm.suppress_debug_info = True


class Person(BaseModel):
    old: bool


OPTIONS = {
    "model": f"openai/{MODEL}",
    "api_base": BASE_URL,
    "api_key": "none",
    "messages": [{"role": "user", "content": PROMPT}],
    "max_tokens": 20,
    "seed": 1,
    "num_retries": 0,
    "max_retries": 0,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a town",
        "parameters": {"type": "object", "properties": {"town": {"type": "string", "enum": ["Oslo", "Rome"]}}, "required": ["town"]},
    },
}


def weather(town):
    return f"rain in {town}"


def ask(**more):
    return litellm.completion(**{**OPTIONS, **more})


def chat():
    answer = ask()
    assert answer.choices[0].message.content and answer.usage.completion_tokens > 0


def stream():
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask().choices[0].message.content
    assert any(getattr(chunk, "usage", None) for chunk in chunks)


async def stream_async():
    text = ""
    async for chunk in await litellm.acompletion(**OPTIONS, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text


def tool_round_trip():
    asked = ask(max_tokens=200, tools=[WEATHER], tool_choice="required").choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": weather(**json.loads(call.function.arguments))}
        for call in asked.tool_calls
    ]
    assert results[0]["content"] in ("rain in Oslo", "rain in Rome")
    answer = ask(messages=[*OPTIONS["messages"], asked, *results], tools=[WEATHER], tool_choice="none")
    assert answer.choices[0].message.content


def tool_call_streamed():
    chunks = list(ask(max_tokens=200, tools=[WEATHER], tool_choice="required", stream=True))
    whole = litellm.stream_chunk_builder(chunks)
    assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments)["town"] in ("Oslo", "Rome")


def structured_by_schema():
    answer = ask(max_tokens=200, response_format=Person)
    assert isinstance(Person.model_validate_json(answer.choices[0].message.content).old, bool)


def structured_as_json():
    # Nothing but its limit ends a string of a model that learnt no JSON.
    choice = ask(max_tokens=200, response_format={"type": "json_object"}).choices[0]
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content), dict)
    else:
        assert choice.finish_reason == "length" and choice.message.content.startswith("{")


def responses_api():
    more = {key: OPTIONS[key] for key in ("model", "api_base", "api_key")}
    answer = litellm.responses(**more, input=PROMPT, max_output_tokens=20)
    assert answer.output[0].content[0].text and answer.usage.output_tokens > 0


def responses_api_streamed():
    more = {key: OPTIONS[key] for key in ("model", "api_base", "api_key")}
    kinds = [event.type for event in litellm.responses(**more, input=PROMPT, max_output_tokens=20, stream=True)]
    assert kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete")


def text_completion():
    more = {key: OPTIONS[key] for key in ("api_base", "api_key", "max_tokens")}
    assert litellm.text_completion(model=f"text-completion-openai/{MODEL}", prompt=PROMPT, **more).choices[0].text


def unknown_model():
    fails_with(litellm.NotFoundError, lambda: ask(model="openai/none"))


def bad_request():
    fails_with(litellm.BadRequestError, lambda: ask(temperature=9))


def too_long_prompt():
    fails_with(litellm.ContextWindowExceededError, lambda: ask(messages=[{"role": "user", "content": "x" * 9000}]))


run(
    "litellm",
    chat,
    stream,
    stream_async,
    tool_round_trip,
    tool_call_streamed,
    structured_by_schema,
    structured_as_json,
    responses_api,
    responses_api_streamed,
    text_completion,
    unknown_model,
    bad_request,
    too_long_prompt,
)
