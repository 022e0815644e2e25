"""Objects that keep what they hold where they are, and are asked all at once: here, or on Ray."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

from mec_gym.io.messages import one_line


class Holders(Protocol):
    """Some objects of one kind."""

    def ask(self, method: str, arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call a method of each object with its arguments; return what each gives."""

    def ask_one(self, index: int, method: str, *arguments: Any) -> Any:
        """Call a method of one object; return what it gives."""


class Here:
    """Objects of this process, asked one after the other."""

    def __init__(self, kind: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        self._held = [kind(*each) for each in arguments]

    def ask(self, method: str, arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call a method of each object with its arguments; return what each gives."""
        pairs = zip(self._held, arguments, strict=True)
        return [getattr(held, method)(*each) for held, each in pairs]

    def ask_one(self, index: int, method: str, *arguments: Any) -> Any:
        """Call a method of one object; return what it gives."""
        return getattr(self._held[index], method)(*arguments)


class OnActors:
    """Objects that are actors of a Ray cluster, one CPU each at most, asked side by side.

    Use it as a context: at its end the actors are. What one holds is lost with its machine, so
    that is an error: begin again.

    Args:
        kind: the class of the objects.
        arguments: what each is made of.
        cpus: of each actor; less than 1 where several share one.
    """

    def __init__(
        self, kind: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], cpus: float = 1.0
    ) -> None:
        from mec_gym.jobs.on_ray import ray_itself

        self._ray = ray_itself()
        if not self._ray.is_initialized():
            raise ValueError("ray: no cluster is connected; call ray.init first")
        actor = self._ray.remote(num_cpus=cpus)(kind)
        self._held = [actor.remote(*each) for each in arguments]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        for held in self._held:
            self._ray.kill(held)

    def ask(self, method: str, arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call a method of each object with its arguments; return what each gives.

        Raises:
            RuntimeError: an actor is lost, and what it held.
        """
        pairs = zip(self._held, arguments, strict=True)
        return self._get([getattr(held, method).remote(*each) for held, each in pairs])

    def ask_one(self, index: int, method: str, *arguments: Any) -> Any:
        """Call a method of one object; return what it gives.

        Raises:
            RuntimeError: the actor is lost, and what it held.
        """
        return self._get([getattr(self._held[index], method).remote(*arguments)])[0]

    def _get(self, asked: list[Any]) -> list[Any]:
        try:
            return list(self._ray.get(asked))
        except self._ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        except self._ray.exceptions.RayError as error:
            raise RuntimeError(
                f"ray: what an actor held is lost: {one_line(error, 200)}; begin again"
            ) from None
