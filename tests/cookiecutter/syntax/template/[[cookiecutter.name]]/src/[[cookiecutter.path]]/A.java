class [[cookiecutter.group]]
