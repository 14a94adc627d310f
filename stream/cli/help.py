"""Help texts that teach: what, examples, where to go next."""


def examples(*lines: str, then: str | None = None) -> str:
    """Return a command's epilog.

    Parameters
    ----------
    lines
        Shell lines; one that starts with ``#`` is a remark.
    then
        Where to go next.
    """
    shown = ["[bold]Examples[/]"]
    for line in lines:
        mark = "[dim]" if line.startswith("#") else "[green]$[/] "
        end = "[/]" if line.startswith("#") else ""
        shown.append(f"  {mark}{line.replace('[', chr(92) + '[')}{end}")
    block = "\n".join(shown)
    return f"{block}\n\n[bold]Next[/]  {then}" if then else block
