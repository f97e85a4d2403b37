#!/bin/sh
echo {{ cookiecutter.count }}
