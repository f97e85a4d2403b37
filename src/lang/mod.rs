//! L3: the language: syntax tree to workflow. The only module that knows the evaluator's types.
