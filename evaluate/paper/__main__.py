"""`python -m evaluate.paper` lists the commands of the study."""

if __name__ == "__main__":
    print(
        "python -m evaluate.paper.figures       draw the paper's Figs. 3 to 5, with the numbers\n"
        "python -m evaluate.paper.reproduction  write what of the paper holds, from the numbers\n"
        "--help says what each takes."
    )
