// What jira.js does against the site, as one line of JSON: {step: what came back}.
"use strict";
const { Version2Client, Version3Client } = require("jira.js");

const { SITE, APP_KEY, SECRET, HEADER } = process.env;

function client(kind) {
  const jwt = { issuer: APP_KEY, secret: SECRET, expiryTimeSeconds: 180 };
  return new kind({ host: SITE, authentication: { jwt }, newErrorHandling: true });
}

async function main() {
  const [two, three] = [client(Version2Client), client(Version3Client)];
  const seen = {};
  const info = await three.serverInfo.getServerInfo();
  seen.info = info.deploymentType;
  seen.me = (await three.myself.getCurrentUser()).accountId;
  const got = await three.issues.getIssue({ issueIdOrKey: "DEMO-1", fields: ["summary", "status"] });
  seen.issue = [got.key, Object.keys(got.fields).sort()];
  const jql = "project = DEMO AND summary ~ 'token trav*'";
  const asked = { jql, fields: ["summary", "status"], maxResults: 5 };
  const search = three.issueSearch;
  seen.searchGet = (await search.searchForIssuesUsingJql(asked)).issues.map((issue) => issue.key);
  seen.searchPost = (await search.searchForIssuesUsingJqlPost(asked)).issues.map((issue) => issue.key);
  const made = await three.issues.createIssue({
    fields: { project: { key: "DEMO" }, issuetype: { name: "Task" }, summary: "From jira.js" },
  });
  seen.created = made.key;
  const said = await three.issueComments.addComment({ issueIdOrKey: made.key, body: "hello" });
  seen.comment = said.body.type;
  seen.comments = (await two.issueComments.getComments({ issueIdOrKey: made.key })).comments.map(
    (comment) => comment.body,
  );
  await three.issues.editIssue({ issueIdOrKey: made.key, fields: { summary: "Edited" } });
  const steps = await three.issues.getTransitions({ issueIdOrKey: made.key });
  const done = steps.transitions.find((step) => step.to.name === "Done");
  await three.issues.doTransition({ issueIdOrKey: made.key, transition: { id: done.id } });
  const after = await two.issues.getIssue({ issueIdOrKey: made.key });
  seen.after = [after.fields.summary, after.fields.status.name];
  const [file] = await three.issueAttachments.addAttachment({
    issueIdOrKey: made.key,
    attachment: { filename: "a.txt", file: Buffer.from("bytes of a file") },
  });
  seen.attached = file.filename;
  const content = await three.issueAttachments.getAttachmentContent({ id: file.id });
  seen.content = Buffer.from(content).toString();
  seen.projects = (await three.projects.searchProjects()).values.map((project) => project.key);
  const properties = three.appProperties;
  const key = { addonKey: APP_KEY, propertyKey: "note" };
  await properties.putAddonProperty({ ...key, propertyValue: { a: 1 } });
  seen.property = (await properties.getAddonProperty(key)).value;
  await properties.deleteAddonProperty(key);
  seen.gone = await properties.getAddonProperty(key).then(
    () => "there",
    (error) => (error.response ? error.response.status : error.status),
  );
  await three.issues.deleteIssue({ issueIdOrKey: made.key });
  seen.deleted = await three.issues.getIssue({ issueIdOrKey: made.key }).then(
    () => "there",
    (error) => (error.response ? error.response.status : error.status),
  );
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  const told = error instanceof Error ? error.stack : JSON.stringify(error);
  console.error(String(told).slice(0, 2000));
  process.exit(1);
});
