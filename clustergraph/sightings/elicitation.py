"""What a prompt says that asks for a model's reasoning rather than for an answer alone.

The patterns are about traces of reasoning: thinking aloud, rationales step by step, the reasoning behind an
answer that is given, and grading by rubric. Somebody who writes "explain" is not meant by any of them. They
are regular expressions of RE2, case does not matter, and one of them is enough. What lies between two words
of a pattern has to be in one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal
from clustergraph.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clustergraph.engines.interface import Engine

_REASONING = (
    r"(reasoning|rationales?|thoughts?|thinking|thought[ -]process|chain[ -]of[ -]thought|train of thought)"
)
_SAME = r"[^.?!;\n]*"  # of the same sentence
_JUDGE = r"(grade|grading|score|rate|mark|assess|evaluate|judge)"
# name -> ways to say it
_WAYS: Mapping[str, tuple[str, ...]] = {
    "think_aloud": (
        r"\b(think|reason|work|talk)(ing)?( it| this| things| the problem)?( through)? (out loud|aloud)\b",
        r"\b(write|show|spell|lay|put|record|articulate|verbali[sz]e|narrate)( me| us)?( down| out)?"
        rf"( all)?( of)? (your|its|the|every)( \w+)? {_REASONING}\b",
    ),
    "step_by_step": (
        rf"\b(think|reason|explain|solve|derive|justify|argue|deduce)\b{_SAME}\bstep[ -]by[ -]step\b",
        rf"\bstep[ -]by[ -]step\b{_SAME}\b({_REASONING}|justification|derivation)\b",
        rf"\b(number|mark|label|tag) (each|every) (step|sentence of the {_REASONING})\b",
    ),
    "reasoning_behind": (
        rf"\b{_REASONING} (behind|that (led|leads) to|leading to|underlying)\b",
        rf"\b(imagine|reconstruct|infer|reverse[ -]engineer)\b{_SAME}\b{_REASONING}\b",
    ),
    "rubric": (rf"\b{_JUDGE}\b{_SAME}\brubric\b", rf"\brubric\b{_SAME}\b{_JUDGE}\b"),
    "reasoning_trace": (
        r"\bchain[ -]of[ -]thought\b",
        r"</?(think|thinking|reasoning|scratchpad|rationale)>",
        r"\b(do not|don't|never|without) (summari[sz]|shorten|skip|omit|abridg)\w*"
        rf" (the|your|any|its) {_REASONING}\b",
        rf"\b{_REASONING} (between|inside|within|in) (the )?(tags?|<)",
        rf"\b(keys?|fields?)\b{_SAME}\b(reasoning|rationale|chain_of_thought)\b",
    ),
    "german": (
        rf"\bschritt für schritt\b{_SAME}(begründ|denk|überleg|erklär|herleit|lös)",
        rf"(begründ|denk|überleg|erklär|leite|lös)\w*\b{_SAME}schritt für schritt",
        r"\blaut (denken|nachdenken)|\bdenke? laut|\bgedanken(gang|kette)",
    ),
    "french": (
        rf"(raisonn|réfléchi|expliqu|justifi|résou|résol){_SAME}(étape par étape|pas à pas)",
        rf"(étape par étape|pas à pas){_SAME}raisonnement",
        r"réfléchi[a-zé]* à (voix haute|haute voix)|chaîne de pensée",
    ),
    "spanish": (
        rf"(razon|piens|explic|justific|resuelv|resolv)\w*{_SAME}paso a paso",
        rf"paso a paso{_SAME}razonamiento",
        r"(piens|razon)\w* en voz alta|cadena de (pensamiento|razonamiento)",
    ),
    "portuguese": (
        rf"(raciocin|pens|explic|justifi|resolv)\w*{_SAME}passo a passo",
        rf"passo a passo{_SAME}raciocínio",
        r"(pens|raciocin)\w* em voz alta|cadeia de (pensamento|raciocínio)",
    ),
    "russian": (
        rf"(рассужд|дума|объясн|обосну|реши)\pL*{_SAME}(шаг за шагом|пошагово|по шагам)",
        r"(рассуждай|думай)(те)? вслух|цепочк\pL* (рассуждени|мысл)|ход (рассуждени|мысл)",
    ),
    "chinese": (
        r"(逐步|一步一步|一步步|分步)[地的]?(思考|推理|解释|推导|分析|说明)",
        r"思维链|(推理|思考|思维)过程|评分(标准|细则)",
    ),
    "japanese": (
        r"(段階的|一歩ずつ|ステップバイステップ)[にで]?(考え|推論|説明)",
        r"(思考|推論)の?(過程|プロセス|連鎖)|採点基準",
    ),
    "korean": (r"(단계별로|차근차근) ?(생각|추론|설명)", r"(사고|추론) ?과정|채점 ?기준"),
}
PATTERNS: Mapping[str, str] = {name: "|".join(ways) for name, ways in _WAYS.items()}


def elicits(engine: Engine, prompt: str, patterns: Mapping[str, str] | None = None) -> str:
    """Write whether a prompt asks for reasoning as an expression, and try it.

    Args:
        engine: that shall evaluate it.
        prompt: expression of the text.
        patterns: name -> regular expression of RE2, in place of ``PATTERNS``.

    Raises:
        UsageError: there is no pattern, or the engine cannot read one.
    """
    chosen = PATTERNS if patterns is None else patterns
    if not chosen:
        raise UsageError("[read] elicitation is empty; expected at least one name = 'regular expression'")
    for name, one in chosen.items():
        try:
            engine.fetch(f"SELECT regexp_matches('', {literal(one)}, 'i') AS tried")
        except InputError as error:
            raise UsageError(
                f"[read] elicitation {name} is not a regular expression that RE2 reads: {error}"
            ) from error
    whole = "|".join(f"(?:{one})" for one in chosen.values())
    return f"regexp_matches({prompt}, {literal(whole)}, 'i')"
