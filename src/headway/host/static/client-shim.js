/*
 * What apps expect of the client script beyond atlassian-connect-js' iframe.js.
 * The site serves both, one after the other, as all.js.
 */
(function () {
  "use strict";

  const AP = window.AP;
  // Opened outside of a site there is no bridge, and nothing to add to.
  if (!AP || !AP._data || !AP._data.origin) return;
  const modules = AP._hostModules;

  // ---- names of old -------------------------------------------------------

  const aliases = { env: ["getLocation", "hideFooter", "sizeToParent"], user: ["getTimeZone", "getUser"] };
  for (const [module, names] of Object.entries(aliases)) {
    for (const name of names) AP[name] = AP[module][name];
  }

  // ---- request: functions do not cross the bridge, so they wait here -------

  const ask = AP.request;

  function withHeaderGetters(xhr) {
    const headers = xhr.headers || {};
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return {
      ...xhr,
      getResponseHeader: (name) => headers[String(name).toLowerCase()] ?? null,
      getAllResponseHeaders: () => lines.join(""),
    };
  }

  function request(url, options) {
    const given = typeof url === "string" ? { ...options, url } : { ...url };
    const { success, error, ...plain } = given;
    const answer = ask(plain).then(
      ({ body, xhr }) => ({ body, xhr: withHeaderGetters(xhr) }),
      (failure) => {
        const { err, xhr } = failure || {};
        throw { err, xhr: withHeaderGetters(xhr || { status: 0, statusText: String(err) }) };
      },
    );
    if (typeof success === "function" || typeof error === "function") {
      answer.then(
        ({ body, xhr }) => success?.(body, "success", xhr),
        ({ err, xhr }) => error?.(xhr, "error", err),
      );
    }
    return answer;
  }

  AP.request = request;
  modules._globals.request = request;

  // ---- jira: a callback that comes first, and listeners ---------------------

  const { jira } = AP;
  if (jira) {
    const { openCreateIssueDialog } = jira;
    const create = (callback, params) => openCreateIssueDialog(params ?? {}, callback ?? (() => {}));
    const edited = [];
    const saved = { validate: null, save: null };
    AP.register({
      jira_dashboard_item_edit: () => edited.forEach((listener) => listener()),
      jira_workflow_post_function_submit: () => jira.WorkflowConfiguration.trigger(),
    });
    const more = {
      openCreateIssueDialog: create,
      DashboardItem: { onDashboardItemEdit: (listener) => edited.push(listener) },
      WorkflowConfiguration: {
        onSaveValidation: (listener) => (saved.validate = listener),
        onSave: (listener) => (saved.save = listener),
        trigger() {
          const valid = saved.validate ? saved.validate() !== false : true;
          const value = valid && saved.save ? String(saved.save()) : undefined;
          jira._workflowConfigured(valid, value ?? null);
          return { valid, value };
        },
      },
    };
    for (const place of [jira, modules.jira]) Object.assign(place, more);
  }

  // ---- history: a synchronous getState and popState ------------------------

  const listeners = new Set();
  let state = AP._data.options.historyState || "";

  AP.register({
    history_popstate(change) {
      state = change.newURL;
      for (const listener of listeners) listener(change);
    },
  });

  for (const history of [AP.history, modules.history]) {
    const { getState, pushState, replaceState } = history;
    history.getState = (type, callback) => {
      const listener = typeof type === "function" ? type : callback;
      if (typeof listener === "function") return getState(type === "all" ? "all" : "hash", listener);
      return state;
    };
    history.pushState = (next) => {
      state = String(next);
      pushState(state);
    };
    history.replaceState = (next) => {
      state = String(next);
      replaceState(state);
    };
    history.popState = (listener) => {
      if (typeof listener === "function") listeners.add(listener);
    };
  }
})();
