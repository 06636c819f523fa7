from typing import Literal

from scenarios import BASE_URL, MODEL, PROMPT, fails_with, run

from pydantic import BaseModel
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Person(BaseModel):
    old: bool
    town: Literal["Oslo", "Rome"]


def agent(model=OpenAIChatModel, name=MODEL, settings=None, **more):
    provider = OpenAIProvider(base_url=BASE_URL, api_key="none")
    settings = {"max_tokens": 200, **({"seed": 1} if model is OpenAIChatModel else {}), **(settings or {})}
    return Agent(model(name, provider=provider), model_settings=settings, **more)


def chat():
    result = agent().run_sync(PROMPT)
    assert result.output and result.usage.output_tokens > 0


async def stream():
    whole = (await agent().run(PROMPT)).output
    async with agent().run_stream(PROMPT) as result:
        text = "".join([piece async for piece in result.stream_text(delta=True)])
    assert text == whole and result.usage.output_tokens > 0


def tool_round_trip_with(model):
    towns = []

    def weather(town: Literal["Oslo", "Rome"]) -> str:
        """Weather of a town"""
        towns.append(town)
        return f"rain in {town}"

    # The first answer has to call the tool, the second may not.
    def settings(context):
        return {"tool_choice": "none" if towns else ["weather"], "parallel_tool_calls": False}

    provider = OpenAIProvider(base_url=BASE_URL, api_key="none")
    caller = Agent(model(MODEL, provider=provider), tools=[weather], model_settings=settings)
    result = caller.run_sync(PROMPT)
    assert towns and towns[0] in ("Oslo", "Rome") and result.output


def tool_round_trip():
    tool_round_trip_with(OpenAIChatModel)


def structured_by_call():
    assert isinstance(agent(output_type=ToolOutput(Person)).run_sync(PROMPT).output.old, bool)


def structured_by_schema():
    assert isinstance(agent(output_type=NativeOutput(Person)).run_sync(PROMPT).output.old, bool)


async def structured_stream():
    async with agent(output_type=ToolOutput(Person)).run_stream(PROMPT) as result:
        assert isinstance((await result.get_output()).old, bool)


def responses_api():
    assert agent(OpenAIResponsesModel).run_sync(PROMPT).output


async def responses_api_streamed():
    async with agent(OpenAIResponsesModel).run_stream(PROMPT) as result:
        assert "".join([piece async for piece in result.stream_text(delta=True)])


def responses_api_tool_round_trip():
    tool_round_trip_with(OpenAIResponsesModel)


def responses_api_structured():
    assert isinstance(agent(OpenAIResponsesModel, output_type=NativeOutput(Person)).run_sync(PROMPT).output.old, bool)


def unknown_model():
    assert fails_with(ModelHTTPError, lambda: agent(name="none").run_sync(PROMPT)).status_code == 404


def bad_request():
    assert fails_with(ModelHTTPError, lambda: agent(settings={"temperature": 9}).run_sync(PROMPT)).status_code == 400


def too_long_prompt():
    error = fails_with(ModelHTTPError, lambda: agent().run_sync("x" * 9000))
    assert error.status_code == 400 and "maximum context length is " in str(error)


run(
    "pydantic-ai-slim",
    chat,
    stream,
    tool_round_trip,
    structured_by_call,
    structured_by_schema,
    structured_stream,
    responses_api,
    responses_api_streamed,
    responses_api_tool_round_trip,
    responses_api_structured,
    unknown_model,
    bad_request,
    too_long_prompt,
)
