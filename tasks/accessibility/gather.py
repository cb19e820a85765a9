"""Copies what people accepted and answered into the run, so that it can be judged again anywhere; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from evidence_store.signing import SIGNERS, SigningError, read_signers
from evidence_store.workspace import Workspace
from tasks.accessibility.answers import AnswerError, parse_answer, read_answers
from tasks.accessibility.known import ListError, read_known
from tasks.accessibility.models import GivenAnswers, KnownFindings
from tasks.baselines import baselines_root
from tasks.contract import GatherError, Shard, Turn
from tasks.plan import Plan

FOLDER = "data/accessibility"


class AcceptedAndAnswered:
    """Source: the known findings and the answers of this target."""

    id = "accessibility-baselines"
    provides = (KnownFindings, GivenAnswers)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One look into one folder."""
        return [Shard("listed", plan.page_subjects())]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Copy the list, the answers and the keys; one that is not as it must be costs the whole look."""
        root = baselines_root()
        now = datetime.now(UTC)
        try:
            known = read_known(root / plan.target.name)
            files = read_answers(root / plan.target.name)
            given = [parse_answer(content, name, plan.target.name) for name, content in files.items()]
            read_signers(root)
        except (ListError, AnswerError, SigningError) as error:
            raise GatherError(str(error)) from error
        answers = [
            workspace.write(f"{FOLDER}/reviews/{name}", content, "application/json") for name, content in files.items()
        ]
        signers = None
        if any(answer.is_signed for answer in given) and (root / SIGNERS).exists():
            signers = workspace.write(f"{FOLDER}/{SIGNERS}", (root / SIGNERS).read_bytes(), "application/toml")
        workspace.write_evidence(
            self.id,
            shard.id,
            [
                KnownFindings(subject="known-findings", gathered_at=now, known=tuple(known.values())),
                GivenAnswers(subject="answers", gathered_at=now, answers=tuple(answers), signers=signers),
            ],
        )
