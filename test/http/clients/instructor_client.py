from typing import Literal

from scenarios import BASE_URL, MODEL, PROMPT, fails_with, run

import instructor
import openai
from instructor.core import InstructorRetryException
from pydantic import BaseModel

OPTIONS = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 300, "seed": 1, "max_retries": 0}


class Person(BaseModel):
    old: bool
    town: Literal["Oslo", "Rome"]


def plain():
    return openai.OpenAI(base_url=BASE_URL, api_key="none", max_retries=0)


def client(mode):
    return instructor.from_openai(plain(), mode=mode)


def extract(mode):
    person, completion = client(mode).chat.completions.create_with_completion(response_model=Person, **OPTIONS)
    assert isinstance(person.old, bool) and completion.usage.completion_tokens > 0


def chat():
    answer = client(instructor.Mode.TOOLS).chat.completions.create(response_model=None, **{**OPTIONS, "max_tokens": 20})
    assert answer.choices[0].message.content


def structured_by_call():
    extract(instructor.Mode.TOOLS)


def structured_by_strict_call():
    extract(instructor.Mode.TOOLS_STRICT)


def structured_by_schema():
    extract(instructor.Mode.JSON_SCHEMA)


def partial_stream():
    last = None
    for last in client(instructor.Mode.TOOLS).chat.completions.create_partial(response_model=Person, **OPTIONS):
        pass
    assert isinstance(last.old, bool)


def partial_stream_by_schema():
    last = None
    for last in client(instructor.Mode.JSON_SCHEMA).chat.completions.create_partial(response_model=Person, **OPTIONS):
        pass
    assert isinstance(last.old, bool)


async def asynchronous():
    asynchronous_client = instructor.from_openai(openai.AsyncOpenAI(base_url=BASE_URL, api_key="none"))
    assert isinstance((await asynchronous_client.chat.completions.create(response_model=Person, **OPTIONS)).old, bool)


def unknown_model():
    fails_with(
        (InstructorRetryException, openai.NotFoundError),
        lambda: client(instructor.Mode.TOOLS).chat.completions.create(response_model=Person, **{**OPTIONS, "model": "none"}),
    )


def bad_request():
    error = fails_with(
        (InstructorRetryException, openai.BadRequestError),
        lambda: client(instructor.Mode.TOOLS).chat.completions.create(response_model=Person, temperature=9, **OPTIONS),
    )
    assert "temperature" in str(error)


run(
    "instructor",
    chat,
    structured_by_call,
    structured_by_strict_call,
    structured_by_schema,
    partial_stream,
    partial_stream_by_schema,
    asynchronous,
    unknown_model,
    bad_request,
)
