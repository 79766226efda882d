"""What a person sets once with `%config Xiantong`, or in IPython's own configuration file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

from traitlets import Bool, Float, TraitError, Unicode
from traitlets.config import Config, Configurable

if TYPE_CHECKING:
    from traitlets import HasTraits

    from xiantong_nb.bundle import Parts


class _Target(Unicode[str, str]):
    """A target; to set it is to choose it, also when it says what it said before."""

    def set(self, obj: HasTraits, value: Any) -> None:
        if isinstance(obj, Xiantong) and isinstance(value, str):
            obj.choose(value.strip())
        super().set(obj, value)


class Xiantong(Configurable):
    """
    How questions are asked and answers shown, from the next question on.

    The class is named for what people type: `%config Xiantong` lists these, `%config Xiantong.money = False` sets one
    for this kernel, `c.Xiantong.money = False` in ipython_config.py for every kernel.
    """

    target = _Target(
        "",
        help="What is asked when a question names nothing: connection, connection:model, or a model of the connection "
        "in use. Empty is everyone's default. %xiantong use, a later word on the same, goes before it.",
    ).tag(config=True)
    rate = Float(
        10.0,
        min=0.2,
        max=60.0,
        help="How often a coming answer is painted in a notebook, at most, in frames per second. A long one is "
        "painted less often of itself.",
    ).tag(config=True)
    thinking = Bool(True, help="Whether thinking is shown; the reply has it in any case.").tag(config=True)
    footer = Bool(
        True,
        help="Whether the footer under an answer says model, connection, tokens, cost and time. What must be said of a "
        "question, such as a name taken for another, stands there in any case.",
    ).tag(config=True)
    money = Bool(True, help="Whether the footer says the cost; the reply has it in any case.").tag(config=True)

    _from_file = False

    @classmethod
    def of(cls, shell: Any) -> Self:
        """
        Return what the shell's configuration says.

        A value that is none is warned about and left at its default: it should not take the magics away.
        """
        made = cls()
        made._from_file = True
        for name, value in (shell.config.get(cls.__name__) or {}).items():
            try:
                made.update_config(Config({cls.__name__: {name: value}}))
            except TraitError as error:
                warnings.warn(f"Left at its default: {error}", stacklevel=2)
        made._from_file = False
        return made

    def parts(self) -> Parts:
        """Return what of an answer is shown."""
        from xiantong_nb.bundle import Parts

        return Parts(thinking=self.thinking, footer=self.footer, money=self.money)

    def choose(self, target: str) -> None:
        """
        Make a target this kernel's, as `%xiantong use` does; nothing goes back to everyone's default.

        Raises `TraitError` for what can't be asked. In a file that is only warned about, and stays chosen: its
        questions should fail, saying why, rather than go to another endpoint.
        """
        from xiantong_nb.api import session
        from xiantong_nb.errors import XiantongError
        from xiantong_nb.secret import looks_like_key

        if looks_like_key(target):
            raise TraitError("Xiantong.target was given what looks like a key; take it out, and see %xiantong purge.")
        try:
            if target:
                session().use(target)
            else:
                session().prefer("")
        except XiantongError as error:
            said = f"Xiantong.target = {target!r}: {' '.join(str(error).split())}"
            if not self._from_file:
                raise TraitError(said) from None
            session().prefer(target)
            warnings.warn(said, stacklevel=2)
