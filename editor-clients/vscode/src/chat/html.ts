/** The chat page's frame: one script and one style sheet of ours, and nothing from anywhere else. */

/** Addresses as the webview gives them, the source that it serves them from, and a nonce used once. */
export interface Frame {
  script: string;
  style: string;
  source: string;
  nonce: string;
  language: string;
}

/** The page. The script puts all there is to see into it. */
export function html({ script, style, source, nonce, language }: Frame): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    `font-src ${source}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${language}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="${style}" />
  </head>
  <body>
    <script nonce="${nonce}" src="${script}"></script>
  </body>
</html>
`;
}
