"""Requests while an engine is down, whose answers are known: what cannot be done is refused, and none of it is done."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import List, Tuple

from connection import Answer, Connection, NoAnswer
from ledger import refusal_problems
from population import Population

PATIENCE_SECONDS = 30


@dataclass
class Probe:
    """What was asked of each node during one outage."""

    outage: str
    refusals: int = 0
    problems: List[str] = field(default_factory=list)
    strangers: List[str] = field(default_factory=list)  # who asked for a conversation
    drafts: List[Tuple[str, str]] = field(default_factory=list)  # what was not taken: conversation and client_message_id

    async def of_postgresql(self, population: Population) -> None:
        """After the lease: nothing can be done."""
        await self._everywhere(population, self._create_message, self._create_conversation, self._list)

    async def of_mongodb(self, population: Population) -> None:
        await self._everywhere(population, self._create_message, self._history)

    async def _everywhere(self, population: Population, *requests) -> None:
        await asyncio.gather(*(request(population, port) for port in population.ports for request in requests))

    async def _create_message(self, population: Population, port: int) -> None:
        key = f"probe-{uuid.uuid4()}"
        conversation = next(each for each in population.conversations if each.share and population.writers[0] in each.participants)
        body = {"message_type": "text", "content": "while an engine is down", "client_message_id": key}
        self.drafts.append((conversation.id, key))
        await self._expect_refusal(
            population, port, population.writers[0], "POST", f"/v1/conversations/{conversation.id}/messages", body)

    async def _create_conversation(self, population: Population, port: int) -> None:
        stranger = population.new_user()
        self.strangers.append(stranger)
        body = {"type": "direct", "participant_ids": [population.writers[0]]}
        await self._expect_refusal(population, port, stranger, "POST", "/v1/conversations", body)

    async def _list(self, population: Population, port: int) -> None:
        await self._expect_refusal(population, port, population.readers[0], "GET", "/v1/conversations")

    async def _history(self, population: Population, port: int) -> None:
        conversation = population.conversations_of(population.readers[0])[0]
        await self._expect_refusal(population, port, population.readers[0], "GET", f"/v1/conversations/{conversation.id}/messages")

    async def _expect_refusal(self, population: Population, port: int, user: str, method: str, path: str, body: dict = None) -> None:
        connection = Connection(port, population.tokens[user], PATIENCE_SECONDS)
        try:
            answer = await connection.request(method, path, body)
        except NoAnswer as error:
            self.problems.append(f"{self.outage}: {method} {path} got no answer: {error}")
            return
        finally:
            connection.close()
        self.refusals += answer.status == 503
        self._judge(f"{self.outage}: {method} {path}", answer)

    def _judge(self, request: str, answer: Answer) -> None:
        if answer.status != 503:
            self.problems.append(f"{request} was answered with {answer.status} {answer.body}")
        else:
            self.problems += [f"{request} was refused, but {problem}" for problem in refusal_problems(answer)]
