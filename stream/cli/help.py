"""Help texts that teach: what, examples, where to go next."""


def examples(*lines: str, then: str | None = None) -> str:
    """Return a command's epilog.

    Parameters
    ----------
    lines
        Shell lines; one that starts with ``#`` is a remark, one that ends with a backslash goes on
        in the next.
    then
        Where to go next.
    """
    shown = ["[bold]Examples[/]"]
    goes_on = False
    for line in lines:
        remark = line.startswith("#")
        mark = "[dim]" if remark else "  " if goes_on else "[green]$[/] "
        end = "[/]" if remark else ""
        goes_on = line.endswith("\\")
        shown.append(f"  {mark}{line.replace('[', chr(92) + '[')}{end}")
    block = "\n".join(shown)
    return f"{block}\n\n[bold]Next[/]  {then}" if then else block
