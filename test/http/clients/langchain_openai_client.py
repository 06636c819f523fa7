from enum import Enum

from scenarios import BASE_URL, MODEL, PROMPT, fails_with, run

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel


class Town(str, Enum):
    oslo = "Oslo"
    rome = "Rome"


class Person(BaseModel):
    old: bool
    town: Town


def model(**more):
    defaults = {"model": MODEL, "base_url": BASE_URL, "api_key": "none", "max_retries": 0, "max_tokens": 200, "seed": 1}
    return ChatOpenAI(**{**defaults, **more})


def chat():
    answer = model().invoke(PROMPT)
    assert answer.content and answer.usage_metadata["output_tokens"] > 0
    assert answer.response_metadata["finish_reason"] in ("stop", "length")


def stream():
    whole = model(max_tokens=20).invoke(PROMPT)
    chunks = list(model(max_tokens=20, stream_usage=True).stream(PROMPT))
    assert "".join(chunk.content for chunk in chunks) == whole.content
    assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) == whole.usage_metadata["output_tokens"]


async def stream_async():
    assert "".join([chunk.content async for chunk in model(max_tokens=20).astream(PROMPT)])


@tool
def weather(town: Town) -> str:
    """Weather of a town"""
    return f"rain in {town.value}"


def tool_round_trip():
    messages = [HumanMessage(PROMPT)]
    asked = model().bind_tools([weather], tool_choice="weather").invoke(messages)
    results = [weather.invoke(call) for call in asked.tool_calls]
    assert results and results[0].content in ("rain in Oslo", "rain in Rome")
    assert model(max_tokens=20).bind_tools([weather], tool_choice="none").invoke([*messages, asked, *results]).content


def tool_call_streamed():
    whole = None
    for chunk in model().bind_tools([weather], tool_choice="required").stream(PROMPT):
        whole = chunk if whole is None else whole + chunk
    assert whole.tool_calls[0]["name"] == "weather" and whole.tool_calls[0]["args"]["town"] in ("Oslo", "Rome")


def structured_by_schema():
    assert isinstance(model().with_structured_output(Person, method="json_schema").invoke(PROMPT).old, bool)


def structured_by_call():
    assert isinstance(model().with_structured_output(Person, method="function_calling").invoke(PROMPT).old, bool)


def responses_api():
    answer = model(use_responses_api=True, seed=None, max_tokens=20).invoke(PROMPT)
    assert answer.text and answer.usage_metadata["output_tokens"] > 0


def responses_api_streamed():
    chunks = list(model(use_responses_api=True, seed=None, max_tokens=20).stream(PROMPT))
    assert "".join(chunk.text for chunk in chunks)


def responses_api_tool_round_trip():
    client = model(use_responses_api=True, seed=None)
    asked = client.bind_tools([weather], tool_choice="weather").invoke(PROMPT)
    results = [weather.invoke(call) for call in asked.tool_calls]
    assert results
    assert client.bind(max_tokens=20).invoke([HumanMessage(PROMPT), asked, *results]).text


def completion():
    assert OpenAI(model=MODEL, base_url=BASE_URL, api_key="none", max_tokens=12).invoke(PROMPT)


def unknown_model():
    error = fails_with(openai.NotFoundError, lambda: model(model="none").invoke(PROMPT))
    assert "none" in str(error)


def bad_request():
    fails_with(openai.BadRequestError, lambda: model(temperature=9).invoke(PROMPT))


def too_long_prompt():
    fails_with(ContextOverflowError, lambda: model().invoke("x" * 9000))


run(
    "langchain-openai",
    chat,
    stream,
    stream_async,
    tool_round_trip,
    tool_call_streamed,
    structured_by_schema,
    structured_by_call,
    responses_api,
    responses_api_streamed,
    responses_api_tool_round_trip,
    completion,
    unknown_model,
    bad_request,
    too_long_prompt,
)
