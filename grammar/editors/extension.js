// Starts `rulemake lsp` for the files of rules; everything else it knows itself.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const settings = workspace.getConfiguration("rulemake");
  const server = { command: settings.get("path"), args: ["lsp", ...settings.get("arguments")] };
  const options = {
    documentSelector: ["rulefile", "snakemake"].map((language) => ({ language })),
    // Config files that are open count as they are, saved or not.
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.{smk,rules,rule,yaml,yml,json,toml,py}") },
  };
  client = new LanguageClient("rulemake", "rulemake", server, options);
  return client.start();
};

exports.deactivate = () => client?.stop();
