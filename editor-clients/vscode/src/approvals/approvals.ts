/** Puts open questions to the user, one at a time, and takes the answers of commands, keys and links. */

import { Disposable, l10n, window, workspace } from 'vscode';
import type { Approval, Choice } from '../contract';
import { Problem } from '../problem';
import { questionOf, QuestionDocuments, SCHEME, uriOf } from './documents';
import { choices } from './hunks';
import { hunkCount, showNotification } from './notification';
import type { Questions } from './questions';

export class Approvals {
  private readonly documents = new QuestionDocuments();
  private shown: { approvalId: string; takeBack: () => void } | undefined;

  constructor(
    private readonly questions: Questions,
    private readonly log: (error: unknown) => void,
  ) {}

  /** Shows what is asked from now on. */
  register(): Disposable {
    return Disposable.from(
      workspace.registerTextDocumentContentProvider(SCHEME, this.documents),
      this.questions.onAsked(() => {
        this.showFirst();
      }),
      this.questions.onSettled((approvalId) => {
        this.settled(approvalId);
      }),
    );
  }

  /** Allows or rejects; without an id the question that is looked at, else the one that waits longest. */
  async decide(decision: Choice, approvalId?: string): Promise<void> {
    await this.questions.decideByKey(this.chosen(approvalId).approvalId, { decision });
  }

  /** Rejects, and tells the model what the user types. */
  async rejectWithFeedback(approvalId?: string): Promise<void> {
    const approval = this.chosen(approvalId);
    const feedback = await window.showInputBox({
      title: l10n.t('Reject and Say Why'),
      prompt: approval.title,
      placeHolder: l10n.t('What should the agent do instead?'),
      ignoreFocusOut: true,
    });
    if (feedback === undefined) return;
    await this.questions.decide(approval.approvalId, { decision: 'reject', ...(feedback && { feedback }) });
  }

  /** Allows the hunks that the user picks. */
  async chooseHunks(approvalId?: string): Promise<void> {
    const approval = this.chosen(approvalId);
    const hunks = approval.diff?.[0]?.hunks ?? [];
    if (hunkCount(approval) < 2)
      throw new Problem(l10n.t('There are no hunks to choose among: allow or reject it whole'));
    const items = choices(hunks, (line) => l10n.t('Line {0}', line)).map((choice) => ({ ...choice, picked: true }));
    const picked = await window.showQuickPick(items, {
      canPickMany: true,
      ignoreFocusOut: true,
      title: approval.title,
      placeHolder: l10n.t('Hunks that the agent may change; the others are left as they are'),
    });
    if (picked === undefined) return;
    if (picked.length === 0) throw new Problem(l10n.t('No hunk was chosen, so the question is still open'));
    const some = picked.length < hunks.length && { hunks: picked.map(({ id }) => id) };
    await this.questions.decide(approval.approvalId, { decision: 'allow_once', ...some });
  }

  /** Opens what a question is about. */
  async show(approvalId?: string): Promise<void> {
    await this.open(this.chosen(approvalId));
  }

  /** Opening takes its time, in which the question may be settled: then nobody else closes what was opened. */
  private async open(approval: Approval): Promise<void> {
    await this.documents.open(approval);
    if (!this.questions.get(approval.approvalId)) await this.documents.close(approval.approvalId);
  }

  private chosen(approvalId: string | undefined): Approval {
    const wanted = approvalId ?? questionOf(uriOf(window.tabGroups.activeTabGroup.activeTab));
    const approval = wanted === undefined ? this.questions.all[0] : this.questions.get(wanted);
    if (!approval) throw new Problem(l10n.t('The agent has no open question; this one may have been answered already'));
    return approval;
  }

  private showFirst(): void {
    const [first, ...others] = this.questions.all;
    if (!first || this.shown?.approvalId === first.approvalId) return;
    const { approvalId } = first;
    const reject = (): void => {
      this.questions.decide(approvalId, { decision: 'reject' }).catch(this.log);
    };
    this.shown = { approvalId, takeBack: showNotification(first, others.length, reject) };
    this.open(first).catch(this.log);
  }

  private settled(approvalId: string): void {
    this.documents.close(approvalId).catch(this.log);
    if (this.shown?.approvalId !== approvalId) return;
    this.shown.takeBack();
    this.shown = undefined;
    this.showFirst();
  }
}
