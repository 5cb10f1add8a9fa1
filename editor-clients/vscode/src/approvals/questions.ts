/** The open questions of all turns. The first answer from anywhere counts; whatever is no clear yes is a no. */

import { EventEmitter, l10n, type CancellationToken } from 'vscode';
import type { Approval, ApprovalAnswer } from '../contract';
import { Problem } from '../problem';

/** Milliseconds within which a key typed for something else is no answer to what has only just come. */
const TOO_QUICK = 500;

/** Nobody waits for an answer any more. */
export class Withdrawn extends Error {
  override message = 'the question was settled elsewhere';
}

interface Question {
  approval: Approval;
  shownAt: number;
  answer: (decision: ApprovalAnswer) => Promise<void>;
  withdraw: () => void;
}

export class Questions {
  private readonly open = new Map<string, Question>();
  private readonly asked = new EventEmitter<Approval>();
  private readonly ended = new EventEmitter<string>();

  /** `now` in milliseconds; `decide` answers a question that has no request of its own. */
  constructor(
    private readonly now: () => number,
    private readonly decideLater: (approvalId: string, decision: ApprovalAnswer) => Promise<void>,
  ) {}

  readonly onAsked = this.asked.event;
  /** A question was settled, here, elsewhere or by the end of its turn. */
  readonly onSettled = this.ended.event;

  /** Oldest first. */
  get all(): readonly Approval[] {
    return [...this.open.values()].map(({ approval }) => approval);
  }

  get(approvalId: string): Approval | undefined {
    return this.open.get(approvalId)?.approval;
  }

  /** Answers the daemon's request when the user does. Rejects with Withdrawn. */
  ask(approval: Approval, token: CancellationToken): Promise<ApprovalAnswer> {
    return new Promise((resolve, reject) => {
      const answer = (decision: ApprovalAnswer): Promise<void> => {
        resolve(decision);
        return Promise.resolve();
      };
      const withdraw = (): void => {
        reject(new Withdrawn());
      };
      this.add(approval, answer, withdraw);
      token.onCancellationRequested(() => {
        this.settle(approval.approvalId);
      });
    });
  }

  /** Shows questions again whose requests are gone: those of a session that was opened anew. */
  remind(approvals: readonly Approval[]): void {
    for (const approval of approvals) {
      if (this.open.has(approval.approvalId)) continue;
      this.add(
        approval,
        (decision) => this.decideLater(approval.approvalId, decision),
        () => undefined,
      );
    }
  }

  /** Answers a question; one that is settled already is left alone. */
  async decide(approvalId: string, decision: ApprovalAnswer): Promise<void> {
    const question = this.open.get(approvalId);
    if (!question) return;
    this.remove(approvalId);
    await question.answer(decision);
  }

  /** As `decide`, by a key or a command. Rejects where the question has only just come. */
  async decideByKey(approvalId: string, decision: ApprovalAnswer): Promise<void> {
    const question = this.open.get(approvalId);
    if (question && decision.decision !== 'reject' && this.now() - question.shownAt < TOO_QUICK) {
      throw new Problem(l10n.t('This question has only just come: look at it first'));
    }
    await this.decide(approvalId, decision);
  }

  /** It was answered elsewhere, or its turn is over. */
  settle(approvalId: string): void {
    const question = this.open.get(approvalId);
    if (!question) return;
    this.remove(approvalId);
    question.withdraw();
  }

  /** The daemon that asked is gone. */
  drop(): void {
    for (const approvalId of [...this.open.keys()]) this.settle(approvalId);
  }

  private add(approval: Approval, answer: Question['answer'], withdraw: () => void): void {
    this.open.set(approval.approvalId, { approval, shownAt: this.now(), answer, withdraw });
    this.asked.fire(approval);
  }

  private remove(approvalId: string): void {
    this.open.delete(approvalId);
    this.ended.fire(approvalId);
  }
}
