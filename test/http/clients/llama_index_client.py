from typing import Literal

from scenarios import BASE_URL, MODEL, PROMPT, fails_with, run

import openai
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class Person(BaseModel):
    """A person"""

    old: bool
    town: Literal["Oslo", "Rome"]


MESSAGES = [ChatMessage(role="user", content=PROMPT)]


def model(**more):
    defaults = {"model": MODEL, "api_base": BASE_URL, "api_key": "none", "max_retries": 0, "max_tokens": 200, "is_chat_model": True}
    return OpenAILike(**{**defaults, "is_function_calling_model": True, "context_window": 4096, "additional_kwargs": {"seed": 1}, **more})


def weather(town: Literal["Oslo", "Rome"]) -> str:
    """Weather of a town"""
    return f"rain in {town}"


WEATHER = FunctionTool.from_defaults(fn=weather)


def chat():
    assert model(max_tokens=20).chat(MESSAGES).message.content


def stream():
    whole = model(max_tokens=20).chat(MESSAGES).message.content
    assert "".join(chunk.delta or "" for chunk in model(max_tokens=20).stream_chat(MESSAGES)) == whole


async def stream_async():
    assert "".join([chunk.delta or "" async for chunk in await model(max_tokens=20).astream_chat(MESSAGES)])


def completion():
    assert model(max_tokens=12, is_chat_model=False).complete(PROMPT).text


def tool_round_trip():
    llm = model()
    asked = llm.chat_with_tools([WEATHER], chat_history=MESSAGES, tool_required=True)
    calls = llm.get_tool_calls_from_response(asked)
    assert calls[0].tool_name == "weather"
    results = [
        ChatMessage(role="tool", content=str(WEATHER.call(**call.tool_kwargs)), additional_kwargs={"tool_call_id": call.tool_id})
        for call in calls
    ]
    assert results[0].content in ("rain in Oslo", "rain in Rome")
    assert model(max_tokens=20).chat([*MESSAGES, asked.message, *results]).message.content


def tool_call_streamed():
    llm = model()
    last = None
    for last in llm.stream_chat_with_tools([WEATHER], chat_history=MESSAGES, tool_required=True):
        pass
    assert llm.get_tool_calls_from_response(last)[0].tool_kwargs["town"] in ("Oslo", "Rome")


def structured_by_call():
    assert isinstance(model().as_structured_llm(Person).chat(MESSAGES).raw.old, bool)


def structured_by_schema():
    llm = model(should_use_structured_outputs=True)
    assert isinstance(llm.as_structured_llm(Person).chat(MESSAGES).raw.old, bool)


def unknown_model():
    fails_with(openai.NotFoundError, lambda: model(model="none").chat(MESSAGES))


def bad_request():
    fails_with(openai.BadRequestError, lambda: model().chat(MESSAGES, temperature=9))


run(
    "llama-index-llms-openai-like",
    chat,
    stream,
    stream_async,
    completion,
    tool_round_trip,
    tool_call_streamed,
    structured_by_call,
    structured_by_schema,
    unknown_model,
    bad_request,
)
